"""The wide world: scenes that vary far more than those of the `streets` preset.

A scene is planned on the host, in NumPy, from (seed, index): a place and its road
(`plan`), solids along it (`vehicles`, `houses`, `greenery`, `barriers`, ...), a camera
(`cameras`) and the weather (`weather`). It is rendered tile by tile in JAX (`tracing`,
`materials`, `lighting`), and passes a model of the camera (`sensor`, `jpeg`). See
docs/worlds.md.
"""
