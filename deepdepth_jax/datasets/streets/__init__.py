"""Procedural street scenes with exact depth: the data set that needs no download.

A scene is drawn from a random key (`scene`), seen through a ray caster (`geometry`,
`shading`, `render`) or a simulated lidar (`scanner`), served as records (`source`,
`builder`), and written as KITTI or SYNTHIA folders (`export`).
"""
