# make run       install what is missing, then start Countersign with its sample
# make test      install what is missing, then run every test, browser journeys included
# make check     format, lint, types, templates, migrations, deployment checks
# make lock      lock the requirements again (UPGRADE=1 takes newer versions)
# make finetune  add what full fine-tuning of the encoder needs (PyTorch: large)
# make peer      a model server that is not ours, for the tests that need one (PyTorch: large)
# make clean     remove the environment and caches; the data in var/ stays

.PHONY: run test check lock finetune peer clean
.DEFAULT_GOAL := run

export PYTHON
# Where it is forbidden to keep bytecode, every process of the suite would compile all code anew.
test: export PYTHONDONTWRITEBYTECODE =
PYTHON_BIN = .venv/bin/python
TEMPLATES = $$(find templates decisions evaluations -name '*.html')

run:
	@bin/bootstrap run
	@$(PYTHON_BIN) manage.py demo

# First the unit tests; then whole pages, and lives of records, runs and files; then documents,
# processes and races, which are slow; the races once more on PostgreSQL, where its programs are
# installed; journeys last, in two halves, each with a browser, workers and a Redis of its own.
test:
	@bin/bootstrap test
	@status=0; \
	$(PYTHON_BIN) -m pytest -q -n 2 -m "not (page or whole or slow or journey)" $(ARGS) || status=1; \
	$(PYTHON_BIN) -m pytest -q -n 2 -m "(page or whole) and not (slow or journey)" $(ARGS) || status=1; \
	$(PYTHON_BIN) -m pytest -q -n 2 --dist loadgroup -m "slow and not journey" $(ARGS) || status=1; \
	bin/with-postgres $(PYTHON_BIN) -m pytest -q -n 2 -m "postgres and not journey" $(ARGS) || status=1; \
	$(PYTHON_BIN) -m pytest -q -n 2 --dist loadfile -m journey $(ARGS) || status=1; \
	exit $$status

check:
	@bin/bootstrap test
	@$(PYTHON_BIN) -m ruff format --check --quiet .
	@$(PYTHON_BIN) -m ruff check --quiet .
	@$(PYTHON_BIN) -m mypy
	@.venv/bin/djade --check $(TEMPLATES)
	@$(PYTHON_BIN) manage.py makemigrations --check --dry-run
	@COUNTERSIGN_DEBUG=0 COUNTERSIGN_DEMO=0 \
	$(PYTHON_BIN) manage.py check --deploy --fail-level WARNING

# One resolution for everything; the runtime file is the part of it that a server needs, the last one
# that and the extra: without the project's settings, which leave PyTorch out.
UV_LOCK = uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(UV_LOCK) --group dev $(if $(UPGRADE),--upgrade) --output-file requirements-dev.txt
	$(UV_LOCK) --constraint requirements-dev.txt --output-file requirements.txt
	$(UV_LOCK) --no-config --extra finetune --constraint requirements.txt $(if $(UPGRADE),--upgrade) \
		--output-file requirements-finetune.txt

# What is installed already stays: the file names the same versions of it.
finetune:
	@bin/bootstrap run
	@$(PYTHON_BIN) -m pip install -qq --disable-pip-version-check --no-input \
		--require-hashes --no-deps -r requirements-finetune.txt

peer:
	@test -d .venv-peer || $${PYTHON:-python3} -m venv .venv-peer
	@.venv-peer/bin/pip install --quiet "torch==2.13.0" "transformers[serving]>=5.23,<6"

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
