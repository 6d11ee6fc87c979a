# One image for all processes of VMS; docker-compose.yml gives each its command and its account.
# By digest (the index of all platforms, as Docker's official-images project lists it): a tag can be given to another image at any time.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libseccomp2 openssl \
 && rm -rf /var/lib/apt/lists/*

# An account for each process, and a group for what they have in common. New volumes take over owner and mode of these folders.
RUN groupadd --system --gid 10000 vms \
 && for account in vms-keys:10001 vms-api:10002 vms-ingest:10003 vms-retention:10004 vms-selftest:10005; do \
      useradd --system --no-create-home --shell /usr/sbin/nologin --gid vms --uid "${account#*:}" "${account%:*}" || exit 1; done \
 && install -d -o root -g vms -m 0750 /var/lib/vms \
 && install -d -o root -g vms -m 2770 /var/lib/vms/footage /var/lib/vms/keys /run/vms \
 && install -d -o vms-keys -g vms -m 0700 /var/lib/vms/keyring \
 && install -d -o vms-keys -g vms -m 2750 /run/vms-keys

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

# Nobody of the above, unless a service says who it is.
USER 65534:65534
ENV PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["vms"]
CMD ["--help"]
