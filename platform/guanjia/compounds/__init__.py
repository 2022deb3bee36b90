"""小区: compounds, their buildings and homes, who lives there, who looks after them."""
