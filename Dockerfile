# syntax=docker/dockerfile:1
# The server as an image: the console is built first, then the binary that carries it, then that binary alone.

FROM node:22-bookworm-slim AS console
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/npm-cache npm ci --cache /npm-cache --no-audit --no-fund
COPY schema/ /build/schema/
COPY web/ ./
RUN npm run build

# The Debian release of the last stage: the binary needs no newer C library than that one has.
FROM rust:1.95-bookworm AS server
# The fast half of libjpeg-turbo is written for it; without, renditions are made at two thirds of the pace.
RUN apt-get update && apt-get install -y --no-install-recommends nasm && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
COPY --from=console /build/web/dist web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin accolade && \
    install -D target/release/accolade /out/accolade && \
    mkdir /out/data

# No shell, no package manager, not root. It has no health check of its own for the same reason: whoever runs the
# container asks /readyz.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=server /out/accolade /usr/local/bin/accolade
COPY --from=server --chown=65532:65532 /out/data /data
# Set ACCOLADE_PUBLIC_URL too: the addresses of files begin with it, and 0.0.0.0 is none to hand out.
ENV ACCOLADE_LISTEN=0.0.0.0:4000 \
    ACCOLADE_DATA_DIR=/data
WORKDIR /data
VOLUME /data
EXPOSE 4000
ENTRYPOINT ["/usr/local/bin/accolade"]
CMD ["serve"]
