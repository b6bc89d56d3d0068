"""KITTI: the Eigen split of its raw recordings, with improved or lidar depth.

Geiger, Lenz, Stiller and Urtasun, "Vision meets robotics: the KITTI dataset", 2013
(raw recordings). Uhrig et al., "Sparsity invariant CNNs", 2017 (improved depth).
"""
