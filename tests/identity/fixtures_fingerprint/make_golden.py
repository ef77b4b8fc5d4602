"""Write golden.json anew. Changing it changes the keys of every store there is: say so in the changelog."""

import json
import pathlib

import golden_study

from multiverse.identity.fingerprint import fingerprint

FINGERPRINTS = {name: fingerprint(value, name=name) for name, value in golden_study.VALUES.items()}
pathlib.Path(__file__).with_name("golden.json").write_text(json.dumps(FINGERPRINTS, indent=1) + "\n")
