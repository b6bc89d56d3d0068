"""The fully connected CRF that sharpens depth along the edges of the image.

Imports nothing of `inference` outside this folder.
"""
