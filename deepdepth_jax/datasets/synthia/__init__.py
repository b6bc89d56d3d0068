"""SYNTHIA-RAND-CITYSCAPES: rendered street scenes with exact depth.

Ros, Sellart, Materzynska, Vazquez and Lopez, "The SYNTHIA dataset: a large collection
of synthetic images for semantic segmentation of urban scenes", 2016.
"""
