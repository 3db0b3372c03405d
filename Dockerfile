# One image for web, worker and beat; compose.yaml says which is which.
FROM python:3.13-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt

COPY . .
RUN useradd --system --home-dir /app countersign \
    && mkdir -p /app/var \
    && chown countersign: /app/var
USER countersign
ENV PYTHONUNBUFFERED=1 COUNTERSIGN_VAR=/app/var
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--preload", "--workers", "2", \
     "--threads", "4", "--access-logfile", "-", "--no-control-socket"]
