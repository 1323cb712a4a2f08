"""The agents: the door to Faust, their bodies, ordered acknowledgement, and what watches over them."""
