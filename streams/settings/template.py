"""The annotated settings file that ``observatory init`` writes."""

from __future__ import annotations

TEMPLATE = """\
# Settings of one deployment. `observatory check` reads them, connects, and names everything that is wrong at once.
# Every value can be overruled by the environment: OBSERVATORY__BROKER__URL=kafka://host:9092 overrules broker.url.

name = "my-observatory"          # workers of one name share the work
folder = "observatory-data"      # log, store and state of the embedded mode; relative to this file
# models = "models"              # a catalogue of your own, which observatory models file fills; beside the one that comes along
inline_limit = 900_000           # bytes above which a picture goes to the store first and the topic carries a reference

[broker]
url = "embedded:"                # a log in the folder above; or kafka://host:9092
# topic_prefix = "north"         # several deployments on one broker
partitions = 4                   # more let more workers share the work
# tls = true
# mechanism = "SCRAM-SHA-512"    # PLAIN, SCRAM-SHA-256
# username = "observatory"
# password_file = "secrets/broker-password"

[store]
url = "file:"                    # a folder; or s3+https://s3.example.org/bucket, s3+http://127.0.0.1:9000/bucket
# access_key_file = "secrets/s3-access-key"
# secret_key_file = "secrets/s3-secret-key"
# allowed_buckets = ["incoming"] # other buckets of the same server that references may point into
# keep_originals_days = 365      # absent: originals are kept, which retry and replay need

[worker]
# threads = 2                    # units at work at once; absent: one per processor
outage_after_s = 300             # broker or store away for longer: the worker ends with exit code 3
stall_after_s = 300              # records wait and nothing moves: the worker ends with its stacks
pause_last = 30                  # a feed of whose last 30 units ...
pause_share = 0.9                # ... nine in ten failed for one reason stands still instead of filling the dead letters
health_port = 8080               # http://127.0.0.1:8080/healthz

[project]
name = "my project"
# starts = "2022-09"             # first month; reports may then be asked for M13-24
# pseudonym_key_file = "secrets/pseudonym-key"
# pseudonym_scope = "period"     # a folder of keys, M13-24.key, ...: users are recognised within a period only
# country_file = "GeoLite2-Country.mmdb"   # country of an address; you supply it
# robots_file = "COUNTER_Robots_list.json" # programs that are robots, as COUNTER lists them; you supply it
# least_persons_by_country = 3   # numbers of fewer persons are suppressed by country; 1 tells all
# sheets_folder = "sheets"       # metric sheets, a file for each installation: what period reports are made of
# key_custodian = "data protection officer of my institute"   # who keeps that key: a role
# final_payment = 2027-03-31     # the key is kept until the audit window ends:
# audit_years = 5                # so long after the final payment
# closed_folder = "closed"       # sealed periods; absent: in the folder above

# --- what is looked for -------------------------------------------------------------------------------------------------

[installations.fish]
detector = "yolo"                # yolo, motion, scripted
pictures = "found"               # annotated pictures of: none, found (something), all
pictures_per_unit = 8
# crops_per_unit = 20            # findings kept as pictures of their own

[installations.fish.parameters]
model = "demo-aquarium@1"        # name@version of a catalogue, or a file: model.onnx, model.xml
conf = 0.25

# --- where pictures come from -------------------------------------------------------------------------------------------

[feeds.camera-1]
installation = "fish"
owner = "my-institute"           # a use without a login belongs to the feed's owner
country = "ZZ"                   # ISO 3166 code of the owner; ZZ: not known
# institution = "02nv7yv05"      # the owner's institution, as https://ror.org names it
instrument = "camera-1"
# deployments = "deployments.csv" # dated positions, clock offsets and masks of this camera: fill them in, then take the # off

[feeds.camera-1.capture]
file_name = "%Y%m%d-%H%M%S-*"    # 20240422-080001-IPC608.jpg
time_zone = "UTC"                # of times that name no zone

[feeds.camera-1.sampling]
every_n = 1                      # of a clip: every n-th image; or every_s = 10.0; or key_frames = true

# A FlowCam, or another instrument that cuts out particles: take off the # of what follows. When, where and of how much of the
# sea its samples were taken stands in samples.csv.
# [installations.plankton]
# detector = "roi-classifier"
# cutouts = "sheets"             # pictures of particles: sheets (a contact sheet per class), images (all, in one zip), none
# # beads_um = [9.5, 10.5]      # least and most diameter of calibration beads, if there are any in the samples
# [installations.plankton.parameters]
# model = "demo-plankton@1"      # for trying out only; your own: name@version of a catalogue, or the folder of a classifier
# [feeds.flowcam-1]
# reads = "runs"
# installation = "plankton"
# owner = "my-institute"
# instrument = "flowcam-1"
# samples = "samples.csv"

# --- what is published --------------------------------------------------------------------------------------------------

[dataset]
plan = "dataset.toml"            # title, licence, people, area: edit it before publishing
label_map = "aquarium-animals"   # which label is which taxon; your own: label_map_file = "labels.toml"
"""

DATASET_TEMPLATE = """\
# What a published Darwin Core archive says of itself. The id is part of every record's id: never change it afterwards.
dataset_id = "my-dataset"
title = "Animals seen by camera 1"
institution_code = "MY-INSTITUTE"
licence = "CC-BY"
abstract = ["Machine identifications in pictures of a fixed underwater camera."]
geographic_description = "An example: replace it by your own site."
sampling_description = "A fixed camera takes a picture at regular intervals; every picture is looked at."
# media_url = "https://media.example.org/{key}"   # makes stored pictures reachable from the archive

[[creators]]
organisation = "My Institute"

[[contacts]]
organisation = "My Institute"
"""

DEPLOYMENTS_TEMPLATE = """\
feed,valid_from_at,instrument,lat_deg,lon_deg,depth_min_m,depth_max_m,uncertainty_m,time_zone,clock_offset_s,mask,note
camera-1,2024-01-01T00:00:00Z,camera-1,,,,,,UTC,0,,fill in where your camera hung and since when
"""
