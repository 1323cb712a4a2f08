# The program, with what serving figures needs and without anything that only building it needs.
FROM python:3.11.13-slim-bookworm AS build
RUN python -m venv /opt/observatory
WORKDIR /source
COPY requirements/image.txt requirements/
RUN /opt/observatory/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY detectors detectors
COPY sinks sinks
COPY streams streams
RUN /opt/observatory/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --create-home observatory && install -d -o observatory /observatory/state
COPY --from=build /opt/observatory /opt/observatory
ENV PATH=/opt/observatory/bin:$PATH PYTHONUNBUFFERED=1
USER observatory
WORKDIR /observatory
VOLUME /observatory/state
ENTRYPOINT ["observatory"]
CMD ["--help"]
