#include "io/resolver.hpp"

namespace postern::io {

Task<Result<dns::Answer>> FixtureResolver::query(std::string name, dns::RecordType type) {
  const std::lock_guard lock(m_mutex);
  co_return m_fixture.query(name, type);
}

}  // namespace postern::io
