// Which calls of transit may run on an event loop.
#include "secrets/transit_backend.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

/// How much there is to do; nothing when only the call itself can tell.
struct Work {
  std::size_t items = 1;
  std::size_t bytes = 0;
};

// Uses of older versions are counted elsewhere, and may have to be reserved first.
bool add_members(Work& work, const json::object& object) {
  for (const auto& member : object) {
    if (member.key() == "key_version") return false;
    if (const json::string* text = member.value().if_string()) work.bytes += text->size();
  }
  return true;
}

std::optional<Work> work_of(const json::object& data) {
  Work work;
  if (!add_members(work, data)) return std::nullopt;
  const json::value* batch = data.if_contains("batch_input");
  const json::array* items = batch == nullptr ? nullptr : batch->if_array();
  if (items == nullptr) return work;
  work.items = items->size();
  for (const json::value& item : *items) {
    const json::object* object = item.if_object();
    if (object != nullptr && !add_members(work, *object)) return std::nullopt;
  }
  return work;
}

}  // namespace

bool TransitBackend::is_quick(const QuickQuestion& asked, transit::KeyUse use) const {
  if (asked.operation != Operation::Update) return false;
  const auto engine = this->engine();
  const std::optional<Work> work = engine ? work_of(asked.data) : std::nullopt;
  return work && (*engine)->is_quick(asked.captured("name"), use, work->items, work->bytes);
}

std::function<bool(const QuickQuestion&)> TransitBackend::quick_when(transit::KeyUse use) const {
  return [this, use](const QuickQuestion& asked) { return is_quick(asked, use); };
}

}  // namespace postern::vault
