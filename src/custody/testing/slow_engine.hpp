// For tests: a key engine that answers nothing before the test says so.
#pragma once

#include <future>

#include "custody/dispatcher.hpp"

namespace postern::custody::testing {

struct SlowEngine {
  /// Once. `go` must be set before the server's end.
  [[nodiscard]] VaultEngine engine() {
    return {[until = go.get_future().share()](const vault::Request&) {
              until.wait();
              return vault::Reply{};
            },
            [](const vault::Request&) { return false; }};
  }
  std::promise<void> go;
};

}  // namespace postern::custody::testing
