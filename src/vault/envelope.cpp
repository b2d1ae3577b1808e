#include "vault/envelope.hpp"

#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers no_store(Headers more = {}) {
  more.emplace_back("Cache-Control", "no-store");
  return more;
}

template <class Texts>
void append_texts(std::string& out, const Texts& texts) {
  out += '[';
  for (std::size_t at = 0; at < texts.size(); ++at) {
    if (at > 0) out += ',';
    append_json_text(out, texts[at]);
  }
  out += ']';
}

void append_or_null(std::string& out, const std::optional<boost::json::object>& object) {
  if (object) {
    append_json(out, *object);
  } else {
    out += "null";
  }
}

bool is_envelope_key(std::string_view key) noexcept {
  for (const std::string_view own :
       {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth", "mount_type"}) {
    if (key == own) return true;
  }
  return false;
}

void append_on_top(std::string& out, const boost::json::object& data) {
  for (const auto& member : data) {
    const std::string_view key(member.key().data(), member.key().size());
    if (is_envelope_key(key)) continue;
    out += ',';
    append_json_text(out, key);
    out += ':';
    append_json(out, member.value());
  }
}

std::size_t size_of(const Answer& answer) noexcept {
  std::size_t size = 256;
  if (answer.data) size += json_size(*answer.data) * (answer.also_on_top ? 2 : 1);
  if (answer.auth) size += json_size(*answer.auth);
  if (answer.wrap) size += json_size(*answer.wrap);
  for (const std::string& warning : answer.warnings) size += 6 * warning.size() + 3;
  for (const std::string& error : answer.errors) size += 6 * error.size() + 3;
  return size;
}

std::string envelope(const Answer& answer, std::string_view request_id, std::string_view mount_type) {
  std::string out;
  out.reserve(size_of(answer));
  out += R"({"request_id":)";
  append_json_text(out, answer.wrap ? std::string_view() : request_id);  // as Vault: an answer in wrapping has no id of its own
  out += R"(,"lease_id":"","renewable":false,"lease_duration":0,"data":)";
  append_or_null(out, answer.wrap ? std::nullopt : answer.data);
  out += R"(,"wrap_info":)";
  append_or_null(out, answer.wrap);
  out += R"(,"warnings":)";
  if (answer.warnings.empty()) {
    out += "null";
  } else {
    append_texts(out, answer.warnings);
  }
  out += R"(,"auth":)";
  append_or_null(out, answer.auth);
  if (!mount_type.empty()) {
    out += R"(,"mount_type":)";
    append_json_text(out, mount_type);
  }
  if (answer.also_on_top && answer.data && !answer.wrap) append_on_top(out, *answer.data);
  out += '}';
  return out;
}

std::string errors_beside(const Answer& answer) {
  std::string out;
  out.reserve(size_of(answer));
  out += R"({"errors":)";
  append_texts(out, answer.errors);
  if (answer.data) {
    out += R"(,"data":)";
    append_json(out, *answer.data);
  }
  out += '}';
  return out;
}

std::string bare(const Answer& answer) {
  std::string out;
  if (!answer.data) return out;
  out.reserve(size_of(answer));
  append_json(out, *answer.data);
  return out;
}

}  // namespace

Reply reply_of(const Refusal& refusal) {
  Reply reply;
  reply.status = refusal.status;
  reply.body = R"({"errors":[)";
  if (!refusal.text.empty()) append_json_text(reply.body, refusal.text);
  reply.body += "]}";
  reply.headers = no_store();
  return reply;
}

Reply reply_of(const Answer& answer, Operation operation, std::string_view request_id, std::string_view mount_type) {
  Reply reply;
  reply.status = status_of(answer, operation);
  reply.headers = no_store(answer.headers);
  const bool nothing = !answer.data && !answer.auth && !answer.wrap && answer.warnings.empty();
  if (answer.raw) {
    reply.body = answer.raw->body;
    reply.content_type = answer.raw->content_type;
  } else if (!answer.errors.empty()) {
    reply.body = errors_beside(answer);
  } else if (nothing && reply.status >= 400) {
    reply.body = R"({"errors":[]})";
  } else if (reply.status == 204 || nothing) {
    reply.status = nothing && answer.status == 0 ? 204 : reply.status;
  } else {
    reply.body = answer.bare ? bare(answer) : envelope(answer, request_id, mount_type);
  }
  return reply;
}

}  // namespace postern::vault
