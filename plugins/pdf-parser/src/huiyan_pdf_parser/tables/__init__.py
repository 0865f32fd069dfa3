"""Tables from drawn lines and from the places of words."""
