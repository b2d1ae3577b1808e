#include "io/resolver.hpp"

namespace postern::io {

std::optional<dns::Answer> Resolver::at_hand(const std::string&, dns::RecordType) const { return std::nullopt; }

Task<Result<dns::Answer>> FixtureResolver::query(std::string name, dns::RecordType type) {
  const std::lock_guard lock(m_mutex);
  co_return m_fixture.query(name, type);
}

}  // namespace postern::io
