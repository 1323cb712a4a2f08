"""The generated underwater camera: pictures and a clip of animals whose boxes are known exactly."""
