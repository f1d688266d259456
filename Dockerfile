FROM python:3.11-slim AS build
WORKDIR /srv/smsgw
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
# Before the sources, so that a change of code does not fetch the libraries again. PostgreSQL's driver is among them.
COPY requirements/runtime.txt requirements/
RUN /opt/venv/bin/pip install --require-hashes --requirement requirements/runtime.txt
COPY . .
# Editable: a fixed path to the code, which can be read in the container.
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /srv/smsgw --shell /usr/sbin/nologin smsgw
WORKDIR /srv/smsgw
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/smsgw /srv/smsgw
# The code stays root's; only the folder of the default SQLite file can be written.
RUN install --directory --owner=smsgw --group=smsgw --mode=0750 data
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# By number, so that an orchestrator can see that it is not root.
USER 10001
VOLUME /srv/smsgw/data
EXPOSE 8086
# A container that runs only `smsgw worker` is asked on the same port: `smsgw worker --port 8086`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"SMSGW_PORT\") or 8086}/livez', timeout=4)"]
# No SMSGW_ENV: which environment this is must be said by whoever starts it.
CMD ["smsgw", "serve", "--host", "0.0.0.0"]
