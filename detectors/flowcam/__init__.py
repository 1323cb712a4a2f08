"""Classify whole images of particles (ROI): what the FlowCam service names, without torch."""
