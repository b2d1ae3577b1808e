#include "custody/vault_client.hpp"

#include "custody/vault_codec.hpp"
#include "vault/json_text.hpp"

namespace postern::custody {
namespace {

Result<vault::Reply> reply_of(const Result<ByteView>& body) {
  if (!body) return fail(body.error());
  Reader in(*body);
  Result<vault::Reply> reply = read_vault_reply(in);
  if (!reply) return fail(ErrorCode::Unavailable, "the keeper's answer cannot be read: " + reply.error().text());
  return reply;
}

}  // namespace

VaultClient::VaultClient(std::shared_ptr<Link> link, std::chrono::milliseconds deadline) : m_link(std::move(link)), m_deadline(deadline) {}

void VaultClient::ask(const vault::Request& request, Done done, Link::Send when) {
  Writer out = begin_request(static_cast<std::uint8_t>(Call::Vault), vault::json_size(request.data));
  write_vault_request(out, request);
  Result<WipedBytes> frame = std::move(out).finish();
  if (!frame) return done(fail(std::move(frame).error()));
  m_link->post(
      {.frame = *std::move(frame),
       .deadline = std::chrono::steady_clock::now() + m_deadline,
       .nature = is_repeatable(request) ? Nature::Repeatable : Nature::Changes,
       .name = "the request",
       .check = "read what it was to change before you try again"},
      [done = std::move(done)](const Result<ByteView>& body) { done(reply_of(body)); }, when);
}

}  // namespace postern::custody
