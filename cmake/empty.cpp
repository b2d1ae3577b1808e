// A room of headers only still is a library.
