// What a mail filter has to tell an MTA so that its copy of a message becomes ours: fields to take away, to put in front, to add; a body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace postern::gateway {

struct MessageEdits {
  struct Field {
    std::string name;
    std::string value;  ///< As it stands behind the colon, folded, without the last line end.
  };
  struct Removal {
    std::string name;
    std::uint32_t index = 0;  ///< From 1, among the fields of that name in the message as it was. In the order to carry them out.
  };
  std::vector<Removal> remove;
  std::vector<Field> prepend;       ///< From the top down.
  std::vector<Field> append;        ///< In order; where exactly is the MTA's choice.
  std::optional<std::string> body;  ///< Nothing: it stays.

  [[nodiscard]] bool empty() const noexcept { return remove.empty() && prepend.empty() && append.empty() && !body; }
};

/// Fields that are equal byte for byte and in the same order stay; whatever is new above the first of them goes in front. `before` and
/// `after` are whole messages; errors are those of MessageView::parse.
[[nodiscard]] Result<MessageEdits> edits_between(std::string_view before, std::string_view after, const Limits& limits);

}  // namespace postern::gateway
