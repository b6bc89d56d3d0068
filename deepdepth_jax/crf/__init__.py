"""The fully connected CRF that sharpens a prediction along the picture's edges."""
