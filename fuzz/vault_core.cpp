// rooms: vault
// Any requests, one after another, to a small mounted world: whatever path, operation, token and JSON. Never a crash, never a status that
// HTTP does not have, always a body that is JSON in the API's shape, and no token but root's own gets anything that it may not.
//
// Input: requests separated by a line "--"; each is a line of operation digit, token digit and path, then the JSON of its fields.
#include <cstdlib>

#include "base/log.hpp"
#include "base/text.hpp"
#include "vault/testing/world.hpp"

namespace {

using namespace postern;
using vault::Operation;
using vault::testing::Seen;
using vault::testing::World;

constexpr std::size_t kMostRequests = 24;

struct Tokens {
  std::string root, guest, counted;
  [[nodiscard]] std::string pick(char digit) const {
    switch (digit) {
      case '0': return root;
      case '1': return guest;
      case '2': return counted;
      case '3': return "";
      default: return "hvs.guess";
    }
  }
};

Operation operation_of(char digit) { return static_cast<Operation>((static_cast<unsigned char>(digit) - '0') % 8U); }

void check(const Seen& seen, bool may) {
  if (seen.status < 100 || seen.status > 599) std::abort();
  if (seen.status == 204 && !seen.text.empty()) std::abort();
  if (seen.content_type == "application/json" && !seen.text.empty() && !seen.body.is_object()) std::abort();
  if (!may && seen.text.find("PLANTED") != std::string::npos) std::abort();
}

std::string_view take(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return out;
}

void ask(World& world, const Tokens& tokens, std::string_view one, bool may) {
  const std::string_view head = take(one, "\n");
  if (head.size() < 2) return;
  boost::system::error_code error;
  const boost::json::value data = boost::json::parse(boost::json::string_view(one.data(), one.size()), error);
  const bool object = !error && data.is_object();
  const auto wrap = head[0] > '7' ? std::optional(std::chrono::seconds(60)) : std::nullopt;
  check(world.call(operation_of(head[0]), std::string(head.substr(2)), object ? data.get_object() : boost::json::object(),
                   tokens.pick(head[1]), wrap),
        may);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = [] {
    log::configure(log::Level::Error, log::Format::Text);
    return true;
  }();
  (void)quiet;
  World world;
  world.write("notes/closed", {{"text", "PLANTED"}});
  const Tokens tokens{world.root, world.limited(R"(path "notes/open/*" { capabilities = ["create", "read", "update", "delete", "list"] })"),
                      world.token({{"policies", "default"}, {"num_uses", 3}})};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  bool root_acted = false;
  for (std::size_t count = 0; count < kMostRequests && !rest.empty(); ++count) {
    const std::string_view one = take(rest, "\n--\n");
    // What root does may give others more (a policy, a token): after that nothing is said about them.
    root_acted = root_acted || (one.size() > 1 && one[1] == '0');
    ask(world, tokens, one, root_acted);
  }
  return 0;
}
