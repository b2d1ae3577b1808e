#include "dns_server.hpp"

#include <optional>

#include "io/loops.hpp"

namespace postern::cli {
namespace {

template <class T>
io::Task<void> run_into(io::Task<T> task, std::optional<T>& out, io::Loops& loops) {
  out.emplace(co_await std::move(task));
  loops.stop();
}

/// On a loop of its own.
template <class T>
T wait_for(io::Task<T> task) {
  std::optional<T> out;
  io::Loops loops(1);
  io::spawn(loops.at(0), run_into(std::move(task), out, loops), "dns.server");
  loops.start();
  loops.join();
  if (!out) return fail(ErrorCode::Internal, "the name server was not asked");
  return *std::move(out);
}

}  // namespace

Result<std::string> DnsServer::zone_of(const std::string& name) const { return wait_for(m_server.zone_of(name)); }

Result<dns::Answer> DnsServer::query(std::string_view name, dns::RecordType type) {
  const std::pair key{std::string(name), type};
  if (const auto known = m_known.find(key); known != m_known.end()) return known->second;
  POSTERN_TRY(dns::Answer answer, wait_for(m_server.query(key.first, type)));
  return m_known.insert_or_assign(key, std::move(answer)).first->second;
}

Status DnsServer::update(const dnszone::Update& update, const dnszone::TsigKey& key, const Clock& clock) const {
  return wait_for(m_server.update(update, key, clock));
}

}  // namespace postern::cli
