# Every command of the project. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# A run starts hundreds of Pythons: what they import is compiled once.
unexport PYTHONDONTWRITEBYTECODE

# Set these on the command line: `make demo CORES=4`, `make ladder SOURCE=movie.mp4`.
SOURCE ?=
CORES ?= all
PROFILE ?= profiles/local
ARGS ?=
PYTHON ?=
VENV ?= .venv

BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/python -m snakemake
# A file of this name says that the environment is whole and made of these very locks; any other name is another lock.
stamp = $(VENV)/locked-$(1)-$(shell cat envs/requirements.txt envs/requirements-$(1).txt 2>/dev/null | sha256sum | cut -c 1-16)
RUN_STAMP := $(call stamp,run)
DEV_STAMP := $(call stamp,dev)
SLURM_STAMP := $(call stamp,slurm)
CUDA_STAMP := $(call stamp,cuda)
S3_STAMP := $(call stamp,s3)

# A recipe that begins with this holds .make.lock until it and every process that it left behind have ended.
define hold
exec 9>>.make.lock
flock -n 9 || { echo "make: another make is at work in this folder; wait for it, or stop it, and run again" >&2; exit 1; }
endef

# Progress bars are for a terminal. Elsewhere, and where every job is to be listed, the same profile without them: plain lines.
define plain_profile
mkdir -p .snakemake/plain
grep -v '^logger:' $(PROFILE)/config.yaml >.snakemake/plain/config.yaml
profile=.snakemake/plain
endef

# Runs Snakemake, with further arguments. A lock that a killed Snakemake left is cleared, but never under a Snakemake that somebody started by hand.
define run_snakemake
profile=$(PROFILE)
if [ ! -t 2 ]; then
  $(plain_profile)
fi
snakemake=($(SNAKEMAKE) --profile "$$profile" --cores $(CORES) $(ARGS) $(1))
if compgen -G '.snakemake/locks/*' >/dev/null; then
  for process in /proc/[0-9]*; do
    [ "$$(readlink $$process/cwd || true)" = "$$PWD" ] || continue
    if { head -z -n 3 $$process/cmdline | tr '\0' '\n' | grep -qE '(^|/)snakemake$$|\.snakemake/scripts/'; } 2>/dev/null; then
      echo "make: Snakemake or one of its jobs (process $${process#/proc/}) is still at work in this folder; wait for it, or stop it, and run again" >&2
      exit 1
    fi
  done
  "$${snakemake[@]}" --unlock --quiet all
fi
exec "$${snakemake[@]}"
endef

define install
echo "installing $(1) into $(VENV)"
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes --no-deps -r $(1)
endef

# An extra goes on top of the environment. While it is being installed there is no stamp, so that an interrupted install
# is made anew as well.
define install_extra
if [ -L "$(VENV)" ]; then exit 0; fi
$(hold)
mv $(RUN_STAMP) $(VENV)/unfinished
$(call install,envs/requirements-$(1).txt)
mv $(VENV)/unfinished $(RUN_STAMP)
touch $@
endef

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z][a-z-]*):.*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done
	echo '  Settings: SOURCE=file, CORES=all, PROFILE=profiles/local, ARGS="more options for Snakemake", PYTHON, VENV.'

.PHONY: demo
demo: env ## the ladders of the two demo titles, from the first probe to the gate
	@$(hold)
	$(call run_snakemake)

# The name goes through the environment and a file, so that neither a shell nor YAML reads anything into it:
# Snakemake's --config takes 1e3 for a number and "a: b.mp4" for a table, and quotes break the jobs it starts through a shell.
.PHONY: ladder
ladder: export LADDERSMITH_SOURCE := $(value SOURCE)
ladder: env ## the ladder of one film: make ladder SOURCE=movie.mp4
	@[ -n "$$LADDERSMITH_SOURCE" ] || { echo "make ladder: say which film, as in: make ladder SOURCE=movie.mp4" >&2; exit 1; }
	[ -f "$$LADDERSMITH_SOURCE" ] || { echo "make ladder: there is no file $$LADDERSMITH_SOURCE" >&2; exit 1; }
	iconv -f UTF-8 -t UTF-8 <<<"$$LADDERSMITH_SOURCE" >/dev/null 2>&1 || { echo "make ladder: the file's name is not UTF-8; rename it" >&2; exit 1; }
	$(hold)
	mkdir -p .snakemake
	$(BIN)/python -c 'import json, os; print(json.dumps({"source": os.environ["LADDERSMITH_SOURCE"]}))' >.snakemake/source.json
	$(call run_snakemake,--configfile .snakemake/source.json)

.PHONY: dry-run
dry-run: env ## every job that `make demo` would run, and none is run
	@$(plain_profile)
	exec $(SNAKEMAKE) --profile "$$profile" --dry-run $(ARGS)

# Whoever asks while a run goes on is answered too: nothing is written that a run reads.
.PHONY: estimate
estimate: env ## what the run will take: encodes, core hours, gigabytes; nothing is run
	@$(plain_profile)
	exec $(SNAKEMAKE) --profile "$$profile" --cores $(CORES) --nolock estimate $(ARGS) --quiet rules progress host reason

.PHONY: test
test: env-dev lint ## style, types, and every test that needs neither root nor a GPU
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not system and not gpu' tests $(ARGS)

# What the locked environment cannot carry: Chromium plays the packaged ladders, other builds of the encoders make our
# exports, a SLURM runs a title, and an object store keeps one. The tests start SLURM and store themselves, beside any
# other, and end them.
SYSTEM_PACKAGES := chromium x264 x265 svt-av1 slurmctld slurmd slurm-client munge \
    swift-proxy swift-account swift-container swift-object memcached

.PHONY: test-system
test-system: env-dev env-slurm env-s3 ## the tests that need Debian packages; installs them when run as root
	@for program in chromium x264 x265 SvtAv1EncApp slurmctld slurmd sbatch munged swift-proxy-server swift-object-server memcached; do
	  PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || missing=1
	done
	if [ -n "$${missing-}" ]; then
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES) >/dev/null
	  else
	    echo "make test-system: a program is missing; install Debian's packages $(SYSTEM_PACKAGES), or run this as root on Debian" >&2
	    exit 1
	  fi
	fi
	$(BIN)/python -m pytest -n 3 --dist loadfile -m system tests/system $(ARGS)

.PHONY: test-gpu
test-gpu: env-dev env-cuda ## the tests that need an NVIDIA GPU; they fail where there is none
	@$(BIN)/python -m pytest -m gpu tests/gpu $(ARGS)

PYTHON_FILES := scripts tests
RULE_FILES = $(wildcard Snakefile rules/*.smk)

.PHONY: lint
lint: env-dev ## style and types of every file, nothing changed
	@$(BIN)/python -m ruff check $(PYTHON_FILES)
	$(BIN)/python -m ruff format --check $(PYTHON_FILES)
	$(BIN)/python -m mypy
	[ -z "$(RULE_FILES)" ] || $(BIN)/python -m snakefmt --check $(RULE_FILES)
	[ ! -f Snakefile ] || $(SNAKEMAKE) --lint

.PHONY: format
format: env-dev ## write every file in the project's style
	@$(BIN)/python -m ruff check --fix-only $(PYTHON_FILES)
	$(BIN)/python -m ruff format $(PYTHON_FILES)
	[ -z "$(RULE_FILES)" ] || $(BIN)/python -m snakefmt $(RULE_FILES)

.PHONY: env env-dev env-slurm env-cuda env-s3
env: $(RUN_STAMP) ## the locked environment, in .venv (the other commands make it when it is missing)
	@:
env-dev: $(DEV_STAMP) ## the same and what the tests need
	@:
env-slurm: $(SLURM_STAMP) ## the same and what profiles/slurm needs
	@:
env-cuda: $(CUDA_STAMP) ## the same and what the engine `cuda` needs
	@:
env-s3: $(S3_STAMP) ## the same and what sources and results in S3 need
	@:

# An environment is made anew for a new lock, so that it holds that lock and nothing else. The .pth file lets its Python
# find the library: `.venv/bin/python -m laddersmith` works from anywhere.
# A VENV that is a symbolic link is somebody's own environment (one that a cluster shares): used as it is, never changed.
$(RUN_STAMP):
	@if [ -L "$(VENV)" ]; then echo "$(VENV) is a link to an environment of your own, used as it stands"; exit 0; fi
	$(hold)
	for python in $(if $(PYTHON),'$(PYTHON)',python3.11 python3); do
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi
	done
	[ -n "$${found-}" ] || { echo "make env: needs Python 3.11 or later with venv (on Debian: python3 and python3-venv); name one with PYTHON=" >&2; exit 1; }
	if [ -e "$(VENV)" ] && [ ! -e "$(VENV)/pyvenv.cfg" ]; then
	  echo "make env: $(VENV) is there and is no environment of Python; move it away, or name another with VENV=" >&2; exit 1
	fi
	rm -rf "$(VENV)"
	"$$found" -m venv "$(VENV)"
	$(call install,envs/requirements.txt)
	echo "$(CURDIR)/scripts" >"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/laddersmith.pth"
	touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@$(call install_extra,dev)

$(SLURM_STAMP): $(RUN_STAMP)
	@$(call install_extra,slurm)

$(CUDA_STAMP): $(RUN_STAMP)
	@$(call install_extra,cuda)

$(S3_STAMP): $(RUN_STAMP)
	@$(call install_extra,s3)

# Neither results nor the store: what they hold has cost hours. Delete those by hand.
.PHONY: clean
clean: ## delete the environment and the caches of tools; results and the store stay
	@$(hold)
	[ -L "$(VENV)" ] || rm -rf "$(VENV)"
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find scripts tests -name __pycache__ -prune -exec rm -rf {} +
