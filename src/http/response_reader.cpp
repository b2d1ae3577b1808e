#include "http/response_reader.hpp"

#include "base/secret.hpp"

namespace postern::http::detail {
namespace {

namespace beast = boost::beast::http;

constexpr std::size_t kReadBytes = 16U * 1024;
constexpr std::size_t kMostUnparsed = 64U * 1024;
constexpr int kMostInformational = 16;

template <class Parser>
Status at_end(Parser& parser) {
  boost::system::error_code error;
  if (parser.got_some()) parser.put_eof(error);
  if (error || !parser.is_done()) return fail(ErrorCode::Unavailable, "the answer ended too early");
  return {};
}

}  // namespace

ResponseReader::~ResponseReader() {
  if (!m_options.secret) return;
  m_buffer.resize(m_buffer.capacity());
  wipe(m_buffer);
}

io::Task<Result<ClientResponse>> ResponseReader::read(SteadyTime deadline) {
  m_deadline = deadline;
  if (m_options.secret) m_buffer.reserve(kMostUnparsed + 2 * kReadBytes);  // never moved, so that wiping it once is enough
  for (int i = 0; i <= kMostInformational; ++i) {
    auto response = co_await read_one();
    // RFC 9110 15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final response"
    if (!response || response->status >= 200) co_return response;
  }
  co_return fail(ErrorCode::BadInput, "the server sends informational answers without an end");
}

io::Task<Result<ClientResponse>> ResponseReader::read_one() {
  Parser parser;
  parser.eager(true);
  parser.skip(m_head);
  if (m_options.on_body)
    parser.body_limit(boost::none);  // given on piece by piece, never kept
  else
    parser.body_limit(m_options.body_limit);
  if (m_options.secret) parser.get().body().reserve(kReadBytes);  // a body in chunks then rarely leaves pieces behind where it grew
  bool wanted = true;
  while (wanted && !parser.is_done()) {
    POSTERN_CO_CHECK(co_await feed(parser));
    wanted = hand_on(parser);
  }
  m_keep_alive = parser.is_done() && parser.keep_alive() && !parser.need_eof();
  ClientResponse out;
  out.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) out.headers.add(std::string(field.name_string()), std::string(field.value()));
  out.body = std::move(parser.get().body());
  co_return out;
}

io::Task<Status> ResponseReader::feed(Parser& parser) {
  if (m_buffer.empty() || m_stuck) {
    const std::size_t before = m_buffer.size();
    m_buffer.resize(before + kReadBytes);
    const auto got = co_await m_stream.read_some(ByteSpan(reinterpret_cast<Byte*>(m_buffer.data()) + before, kReadBytes), m_deadline);
    m_buffer.resize(before + got.value_or(0));
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return at_end(parser);
    m_got_some = true;
  }
  boost::system::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(m_buffer), error);
  m_buffer.erase(0, used);
  m_stuck = used == 0;
  if (error == beast::error::body_limit || error == beast::error::header_limit)
    co_return fail(ErrorCode::TooLarge, "the answer is too large");
  if (error && error != beast::error::need_more) co_return fail(ErrorCode::BadInput, "the answer is not HTTP: " + error.message());
  if (m_buffer.size() > kMostUnparsed) co_return fail(ErrorCode::TooLarge, "the answer has a line that is too long");
  co_return Status();
}

bool ResponseReader::hand_on(Parser& parser) {
  if (!m_options.on_body || !parser.is_header_done()) return true;
  std::string piece = std::exchange(parser.get().body(), {});
  m_deadline = io::deadline_in(m_options.timeout);
  return piece.empty() || m_options.on_body(piece);
}

}  // namespace postern::http::detail
