"""Classifiers of whole images: their folders and cards, and how they are trained, measured and filed."""
