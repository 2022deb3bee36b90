"""吹哨报到: what a level cannot settle is called up, answered on site, reminded of and scored."""
