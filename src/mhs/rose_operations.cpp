#include "mhs/rose_operations.hpp"

#include "base/log.hpp"

namespace postern::mhs {

asn1::Any null_value() { return {{0x05, 0x00}}; }

RoseReply reply_with(Result<asn1::Any> result) {
  if (result) return *std::move(result);
  log::error("x400.result_not_encoded", {{"error", result.error()}});
  return osi::InvokeProblem::ResourceLimitation;
}

void RoseOperations::add(const asn1::Oid& syntax, std::int64_t operation, Handler handler) {
  m_handlers.insert_or_assign({syntax, operation}, std::move(handler));
}

const RoseOperations::Handler* RoseOperations::find(const asn1::Oid& syntax, const osi::RoseCode& operation) const {
  const auto* local = std::get_if<std::int64_t>(&operation.value);
  if (local == nullptr) return nullptr;  // X.419 has local codes only
  const auto found = m_handlers.find({syntax, *local});
  return found == m_handlers.end() ? nullptr : &found->second;
}

io::Task<RoseReply> RoseOperations::mistyped(Error why) {
  log::info("x400.mistyped_argument", {{"reason", why}});
  co_return osi::InvokeProblem::MistypedArgument;
}

}  // namespace postern::mhs
