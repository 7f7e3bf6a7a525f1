# make run: the main job on a drawn sample.  make app: the web app.  make test: everything CI runs.  All make .venv first.
PYTHON ?= python3.11
BIN := .venv/bin
# The CPU-only way: make venv TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

.PHONY: run app lint test bench bench-profile bench-large venv readme images clean

run: venv
	$(BIN)/petclf compare --data sample --arch tf_efficientnet_lite0 --size 128 --epochs 12 --set batch_size=16 --set learning_rate=0.003 --out runs/sample

# The web app of a breed probe, which is made once: on Oxford Pets where PETCLF_DATA names them, else on the drawn sample.
ifneq ($(PETCLF_DATA),)
APP := oxford-pets-breed
APP_DATA := --data oxford-pets --split official --arch tf_efficientnet_lite2
else
APP := sample-breed
APP_DATA := --data sample --arch tf_efficientnet_lite0 --size 128
endif

app: bundles/$(APP)/bundle.json
	$(BIN)/petclf app bundles/$(APP)

bundles/$(APP)/bundle.json: | venv
	$(BIN)/petclf train --arm probe --target breed $(APP_DATA) --out runs/$(APP)
	$(BIN)/petclf export runs/$(APP) --out bundles/$(APP)

# Format, unused names, complexity, types, and the limits of the house.
lint: venv
	env OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_house.py

# Always on the drawn sample, whatever PETCLF_DATA says; two notebooks or test files at a time, one thread each.
test: venv
	$(BIN)/python tests/no_drift.py
	env -u PETCLF_DATA OMP_NUM_THREADS=1 $(BIN)/nbdev-test --n-workers 2 --do-print
	env -u PETCLF_DATA OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

venv: .venv/installed

# The stamp is younger than what it was installed from, so a changed pin installs again.
.venv/installed: constraints.txt settings.ini setup.py pyproject.toml
	$(PYTHON) -m venv .venv
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt --index-url $(TORCH_INDEX) torch torchvision
endif
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[all]'
	touch .venv/installed

# The README's picture of drawn pets, and the graph of imports.
images: venv
	$(BIN)/python docs/draw_images.py
	$(BIN)/python docs/import_graph.py

# README.md is nbs/index.ipynb with its outputs; paths are those of the repository's top.
readme: venv
	$(BIN)/python tests/make_readme.py

# Against plain fastai, an hour or two on 2 cores; PETCLF_DATA names the folder of Oxford Pets (benchmarks/README.md).
bench: venv
	failed=""; for one in train time_to_accuracy probe predict_one predict_many memory table; do \
		echo "benchmarks/$$one.py" >&2; $(BIN)/python benchmarks/$$one.py || failed="$$failed $$one"; done; \
	test -z "$$failed" || { echo "these failed:$$failed" >&2; exit 1; }

# Where the time goes in training, before and after.
bench-profile: venv
	$(BIN)/python benchmarks/profile_training.py
	$(BIN)/python benchmarks/table.py

# The rows with 100,000 pictures.
bench-large: venv
	$(BIN)/python benchmarks/growth.py --large
	$(BIN)/python benchmarks/table.py

clean:
	rm -rf .venv build *.egg-info
