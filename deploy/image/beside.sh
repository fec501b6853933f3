# Sourced after tool.sh: the images of what Acometida runs beside. Not for production.

build_postgresql() { # name, base
  build_image "$1" "$recipes/postgresql/Containerfile" "$recipes/postgresql" --build-arg "BASE=$2"
}

build_kafka() { # name, base: with the jars that Maven brought
  local context jars
  jars=$(cd "$project" && PYTHONPATH=$project python3 -c 'from services.local.kafka import jars; print(jars())')
  context=$(mktemp -d)
  cp "$recipes/kafka"/* "$context/"
  cp -r "$jars" "$context/jars"
  build_image "$1" "$recipes/kafka/Containerfile" "$context" --build-arg "BASE=$2"
  rm -r "$context"
}
