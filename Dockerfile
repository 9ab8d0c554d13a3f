# The program alone, on an image without a shell, as a user without rights.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make perl pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# OpenSSL from source: the image below has none.
RUN cargo build --release --locked --features vendored-openssl && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/weald /usr/local/bin/weald
COPY --from=build --chown=65532:65532 /data /data
# Where PostgreSQL's client looks for the authorities that it trusts.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt WEALD_DATA_DIR=/data WEALD_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/weald", "health"]
ENTRYPOINT ["/usr/local/bin/weald"]
CMD ["serve"]
