"""YOLO networks (v8, 11, 26) for detection, segmentation and classification, without torch."""
