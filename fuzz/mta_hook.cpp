// rooms: mtahook mime
// A hook's question from any bytes: octet 0 chooses the limits, the rest is the document. What is read keeps the limits and its header is
// one header section; what is answered from it is JSON, or refused.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "mime/message.hpp"
#include "mtahook/request.hpp"
#include "mtahook/response.hpp"

namespace {

using namespace postern;
using namespace postern::mtahook;

void must(bool holds) {
  if (!holds) std::abort();
}

RequestLimits limits_from(unsigned bits) {
  RequestLimits out;
  if ((bits & 1) != 0) out.recipients = 2;
  if ((bits & 2) != 0) out.header_fields = 3;
  if ((bits & 4) != 0) out.header_bytes = 100;
  if ((bits & 8) != 0) out.text_bytes = 20;
  if ((bits & 16) != 0) out.bytes = 500;
  return out;
}

/// As many fields as were told, and nothing behind the empty line.
void check_header(const Message& message) {
  const std::string text = message.header_text();
  std::size_t fields = 0, at = 0;
  while (text.compare(at, 2, "\r\n") != 0) {
    const std::size_t end = text.find("\r\n", at);
    must(end != std::string::npos);
    if (text[at] != ' ' && text[at] != '\t') ++fields;
    at = end + 2;
  }
  must(at + 2 == text.size() && fields == message.headers.size());
  (void)MessageView::parse(text, Limits());
}

void check_request(const Request& request, const RequestLimits& limits) {
  must(request.client.ip.size() <= limits.text_bytes + 40 && request.client.helo.size() <= limits.text_bytes);
  must(request.envelope.has_value() == (request.stage != Stage::Connect && request.stage != Stage::Ehlo));
  must(request.message.has_value() == (request.stage == Stage::Data));
  if (request.envelope) must(request.envelope->to.size() <= limits.recipients);
  if (request.stage == Stage::Rcpt || request.stage == Stage::Data) must(!request.envelope->to.empty());
  if (!request.message) return;
  std::size_t octets = 0;
  for (const auto& field : request.message->headers) octets += field.name.size() + field.value.size();
  must(request.message->headers.size() <= limits.header_fields && octets <= limits.header_bytes);
  check_header(*request.message);
}

void check_answer(const Response& response) {
  const auto text = write_response(response);
  if (!text) return;
  const auto value = boost::json::parse(*text);
  const auto& action = value.at("action").as_string();
  must(action == "accept" ? value.as_object().size() == 1 : action == "reject" && value.at("response").at("status").as_int64() >= 400);
}

void answer_from(const Request& request) {
  check_answer(Accept());
  check_answer(Reject{400 + static_cast<int>(request.client.port % 250), request.queue_id, request.client.helo, false});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const RequestLimits limits = limits_from(data[0]);
  const auto request = parse_request(as_text(ByteView(data, size)).substr(1), limits);
  if (!request) {
    must(!request.error().field.empty());
    return 0;
  }
  check_request(*request, limits);
  answer_from(*request);
  return 0;
}
