"""指标: figures that open to the rows they count."""
