// The door of the MTS: whoever connects over RFC 1006 is asked what he wants, and the one who serves that takes over.
#pragma once

#include <functional>

#include "mhs/p1_receiver.hpp"

namespace postern::mhs {

/// A service beside P1 (P3, P7): takes over an association from its bind on.
struct UserService {
  osi::AssociationService service;
  std::function<io::Task<void>(Wire& wire, osi::AssociationRequested requested)> serve;
};

struct DoorParts {
  P1Parts& p1;
  std::vector<UserService> services;
  std::optional<Bytes> transport_selector;  ///< What must be called, exactly; unset: anything.
  osi::TranscriptHook transcript;
  std::function<Status()> open;              ///< Whether anything can be taken now; an error turns callers away as busy. Unset: always.
  std::shared_ptr<ContentBudget> budget;     ///< What callers send counts in it (Wire). Null: each has its own limits only.
  std::shared_ptr<ContentBudget> strangers;  ///< Before they are accepted it counts here instead: strangers_part(budget).
};

/// What callers who are not accepted yet hold among themselves, besides the budget: an eighth as much. Null of null.
[[nodiscard]] std::shared_ptr<ContentBudget> strangers_part(const std::shared_ptr<ContentBudget>& budget);

/// From the connection (TLS done, where there is any) to its end. The parts must outlive it.
[[nodiscard]] io::Task<void> serve_association(DoorParts& parts, io::Stream stream);

}  // namespace postern::mhs
