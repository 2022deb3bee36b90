"""吃茶话事: meetings of compounds and communities, and what they decide."""
