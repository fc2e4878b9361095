#!/bin/sh
# The service from a shell: needs curl. Writes its files into the current folder.
set -eu
URL=${GLYPHVAE_URL:-http://127.0.0.1:8000}

# A letter, always the same one by its seed
curl --fail --silent --show-error -X POST "$URL/generate?label=J&seed=7&scale=4" -o j.png

# What the service makes of it: its label and latents
curl --fail --silent --show-error "$URL/encode" --data-binary @j.png | head -c 60
echo

# A text, and the seed that writes it again
curl --fail --silent --show-error "$URL/render-text" -H 'Content-Type: application/json' \
  -d '{"text": "From a shell", "ink": "navy"}' -o text.png -D - | grep -i glyphvae-seed

# A thousand labelled characters for MNIST's own loaders, two hundred of them for testing
curl --fail --silent --show-error "$URL/dataset" -H 'Content-Type: application/json' \
  -d '{"count": 1000, "test": 200, "format": "idx", "seed": 7}' | tar -x
ls MNIST/raw

# An error says what is wrong, and in which field
curl --silent -X POST "$URL/generate?label=%E2%88%9E"
echo
