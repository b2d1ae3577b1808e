// rooms: ms
// A mailbox with a content of any octets, and then any operations: each is answered, nothing new is deleted, and statuses only grow.
// Input: one octet of length for the content (times 16), the content, then operations: code, length (2 octets), argument.
#include <cstdlib>

#include "base/cursor.hpp"
#include "ms/store_session.hpp"
#include "ms/testing/memory_mailbox.hpp"
#include "ms/testing/samples.hpp"

using namespace postern;

namespace {

using Statuses = std::map<ms::SequenceNumber, ms::RetrievalStatus>;

Statuses statuses(const ms::testing::MemoryMailbox& mailbox) {
  Statuses out;
  for (const auto& [number, entry] : mailbox.entries()) out[number] = entry.row.status;
  return out;
}

void check(const Statuses& before, const Statuses& after) {
  for (const auto& [number, status] : before) {
    const auto found = after.find(number);
    if (found == after.end() ? status == ms::RetrievalStatus::New && number == 1 : found->second < status) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto length = reader.read_u8("length");
  if (!length) return 0;
  const auto content = reader.read_bytes(std::min<std::size_t>(reader.remaining(), *length * 16U), "content");
  ms::testing::MemoryMailbox mailbox;
  mailbox.deliver(ms::testing::envelope_of({}), Bytes(content->begin(), content->end()), ms::testing::kNow);
  mailbox.deliver(ms::testing::report(), ms::testing::kNow);
  ms::StoreSession session(mailbox, {.version_1994 = (size & 1U) != 0});
  for (int i = 0; i < 20; ++i) {
    const auto code = reader.read_u8("code");
    const auto argument_size = code ? reader.read_u16("length") : Result<std::uint16_t>(fail(code.error()));
    if (!argument_size) return 0;
    const auto argument = reader.read_bytes(std::min<std::size_t>(reader.remaining(), *argument_size), "argument");
    const Statuses before = statuses(mailbox);
    const ms::Reply reply = session.invoke(*code, asn1::Any{Bytes(argument->begin(), argument->end())});
    if (const auto* error = std::get_if<ms::OperationError>(&reply.value); error != nullptr && ms::words_of(*error).empty()) std::abort();
    check(before, statuses(mailbox));
  }
  return 0;
}
