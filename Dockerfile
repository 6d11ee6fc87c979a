# One image for all processes of VMS; docker-compose.yml gives each its command.
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libseccomp2 openssl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --uid 10001 vms \
 && install -d -o vms -g vms -m 0700 /var/lib/vms /var/lib/vms/footage /var/lib/vms/keys /run/vms

WORKDIR /opt/vms
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY vms vms
COPY config config
COPY blanking blanking
COPY ingest ingest
COPY retention retention
COPY api api
COPY auditor auditor
RUN pip install --no-cache-dir --no-deps --no-build-isolation . ./auditor

USER vms
ENV VMS_DATA_DIR=/var/lib/vms VMS_RUN_DIR=/run/vms
ENTRYPOINT ["vms"]
CMD ["--help"]
