"""The files of the demonstration's deployment: settings, the camera's deployment, the data set."""

from __future__ import annotations

SETTINGS = """\
# The demonstration's deployment: an embedded log and a folder beside this file, nothing else installed.
name = "reef-demo"
folder = "data"
models = "models"

[worker]
commit_every_s = 0.5

[project]
name = "demonstration"

# 1: what moves before a fixed camera, without weights; stills are compared with the median of the day
[installations.motion]
detector = "motion"
pictures = "all"                 # of the clip the first ones only
pictures_per_unit = 4

[installations.motion.parameters]
background = "reef-background.png"

# 2: the small demonstration network that comes with the program; it is poor, and says so in every result
[installations.animals]
detector = "yolo"
pictures = "all"                 # of the clip the first ones only
pictures_per_unit = 4

[installations.animals.parameters]
model = "demo-aquarium@1"

[feeds.motion]
installation = "motion"
owner = "demonstration"
instrument = "reef-camera"
deployments = "deployments.csv"
[feeds.motion.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"

[feeds.animals]
installation = "animals"
owner = "demonstration"
instrument = "reef-camera"
deployments = "deployments.csv"
[feeds.animals.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
[feeds.animals.sampling]
every_n = 5

[dataset]
plan = "dataset.toml"
label_map = "aquarium-animals"
"""

#: The camera is generated; the position is that of no camera, in the open Mediterranean.
DEPLOYMENTS = """\
feed,valid_from_at,instrument,lat_deg,lon_deg,depth_min_m,depth_max_m,uncertainty_m,note
motion,2024-06-01T00:00:00Z,reef-camera,40.0,5.0,20,20,1000,a generated camera: this position is an example
animals,2024-06-01T00:00:00Z,reef-camera,40.0,5.0,20,20,1000,a generated camera: this position is an example
"""

DATASET = """\
dataset_id = "reef-demo"
title = "Generated pictures of an underwater camera"
institution_code = "DEMONSTRATION"
licence = "CC0"
abstract = ["Generated pictures, looked at by a demonstration model: never publish this archive."]
geographic_description = "Nowhere: the pictures are generated."
sampling_description = "A generated camera takes a still every half hour, and one clip."

[[creators]]
organisation = "Demonstration"

[[contacts]]
organisation = "Demonstration"
"""
