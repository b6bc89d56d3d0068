"""Images with ground truth: data sets as sources of frames, and the input pipeline.

May import `runtime` and the pure modules at the top. Knows no network.
"""
