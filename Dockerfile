# Osteon on the CPU, in two stages: the archive of scripts/package.sh, then Debian with nothing else.
#
#   docker build -t osteon .
#   docker run --rm -v "$PWD/runs:/runs" osteon make_demo_data --out /runs/demo-data
#   docker run --rm -v "$PWD/runs:/runs" osteon train_mura --data /runs/demo-data --out /runs/demo
FROM debian:12-slim AS build
WORKDIR /source
COPY . .
RUN scripts/package.sh

FROM debian:12-slim
COPY --from=build /source/build/package/packages/*.tar.gz /tmp/
RUN mkdir /opt/osteon \
 && tar -xzf /tmp/*.tar.gz -C /opt/osteon --strip-components=1 \
 && rm /tmp/*.tar.gz \
 && useradd --create-home --uid 1000 osteon
USER 1000
WORKDIR /home/osteon
ENV PATH=/opt/osteon/bin:$PATH
CMD ["train_mura", "--help"]
