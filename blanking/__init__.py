"""Blanking: pure geometry, poses, masks, the decision which pixels to grey, and the burning of grey."""
