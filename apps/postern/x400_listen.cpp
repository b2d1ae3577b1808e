#include "x400_listen.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "gateway/hops.hpp"
#include "io/listener.hpp"
#include "io/sync.hpp"
#include "mhs/mts_caller.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::cli {
namespace {

/// For whoever is being turned away, at the end.
constexpr auto kParting = std::chrono::seconds(1);

Result<io::SslContext> tls_of(const ListenOptions& listen, const mhs::MtsDoor& door) {
  if (!door.tls_required) return io::SslContext();
  if (listen.tls_certificate.empty() || listen.tls_key.empty())
    return fail(ErrorCode::BadInput, "is needed with --tls-key, or else --tls none, in clear", "--tls-certificate");
  TlsServerProfile profile;
  POSTERN_TRY(profile.chain, certificates_from_file(listen.tls_certificate));
  POSTERN_TRY(profile.key, gateway::load_private_key(listen.tls_key));
  profile.accept_any_client_certificate = !door.pins.empty();  // the bind judges it
  POSTERN_TRY(const TlsContext context, server_context(std::move(profile)));
  return context.shared();
}

Result<mhs::MtsDoor> door_of(const ListenOptions& listen, const osi::PresentationAddress& at, const PeerOptions& who, std::istream& in) {
  mhs::MtsDoor out;
  POSTERN_TRY(out.user, name_of(who.user, "--user"));
  POSTERN_TRY(out.password, password_of(who.password_ref, "--password-ref", in));
  POSTERN_TRY(out.mta_password, password_of(listen.mta_password_ref, "--mta-password-ref", in));
  if (out.mta_password.empty()) return fail(ErrorCode::BadInput, "is needed: by it the user knows his MTA", "--mta-password-ref");
  if (listen.mta.empty()) return fail(ErrorCode::BadInput, "is needed: the name of the MTA that may bind", "--mta");
  out.mta = mts::MTAName(listen.mta);
  out.tls_required = who.tls == "required";
  POSTERN_TRY(out.pins, pins_of(who));
  if (!at.transport_selector.empty()) out.transport_selector = at.transport_selector;
  out.limits = user_limits();
  return out;
}

/// Everything of it on one loop. Lives as long as its associations.
class Listening : public std::enable_shared_from_this<Listening> {
 public:
  Listening(mhs::MtsDoor door, io::SslContext tls, Taker& taker, std::chrono::seconds each, SteadyTime until)
      : m_door(std::move(door)), m_tls(std::move(tls)), m_taker(taker), m_each(each), m_until(until) {
    m_door.guesses = &m_guesses;
  }

  /// Until the deadline, or until the taker is done. Whoever has not bound by then is not waited for.
  static io::Task<Status> wait(std::shared_ptr<Listening> self, io::Listener& listener) {
    self->m_news.emplace(co_await io::this_executor());
    while (self->is_wanted()) static_cast<void>(co_await self->m_news->wait(self->m_until));
    listener.stop_accepting();
    const SteadyTime enough = io::deadline_in(self->m_each);
    while (self->m_bound > 0 && std::chrono::steady_clock::now() < enough) static_cast<void>(co_await self->m_news->wait(enough));
    static_cast<void>(co_await listener.drain(io::deadline_in(kParting)));
    co_return self->outcome();
  }
  static io::Task<void> serve(std::shared_ptr<Listening> self, io::Stream stream) {
    const auto client = co_await self->answer(std::move(stream));
    if (client) {
      ++self->m_bound;
      co_await self->take_from(**client);
      --self->m_bound;
    } else if (client.error().code == ErrorCode::Denied) {
      self->m_refused = client.error();
    }
    self->ring();
  }

 private:
  [[nodiscard]] bool is_wanted() const { return !m_taker.is_done() && !m_taker.failure() && std::chrono::steady_clock::now() < m_until; }
  [[nodiscard]] Status outcome() const {
    if (m_taker.failure()) return fail(*m_taker.failure());
    if (m_trouble) return fail(*m_trouble);
    if (m_taker.is_empty() && m_refused) return fail(*m_refused);
    return {};
  }
  void ring() {
    if (m_news) m_news->ring();
  }
  io::Task<Result<std::unique_ptr<mhs::P3Client>>> answer(io::Stream stream) {
    const SteadyTime deadline = io::deadline_in(m_each);
    if (m_tls) POSTERN_CO_CHECK(co_await stream.start_tls_server(m_tls, deadline));
    co_return co_await mhs::answer_mts(m_door, std::move(stream), deadline);
  }
  /// The end of the association is no error: the MTS unbinds, and comes again when there is more.
  io::Task<void> take_from(mhs::P3Client& client) {
    const Status ended = co_await m_taker.attend(client, m_until);
    if (!ended && ended.error().code != ErrorCode::Unavailable) m_trouble = ended.error();
    ring();
    if (!client.client().over()) co_await client.close(io::deadline_in(m_each));
  }

  const SystemClock m_clock;
  mhs::PasswordGuesses m_guesses{m_clock};
  mhs::MtsDoor m_door;
  const io::SslContext m_tls;
  Taker& m_taker;
  const std::chrono::seconds m_each;
  const SteadyTime m_until;
  std::optional<io::Notifier> m_news;
  std::size_t m_bound = 0;         ///< Associations of the MTS, now.
  std::optional<Error> m_refused;  ///< The last who was turned away, and why.
  std::optional<Error> m_trouble;  ///< Of the last association on which something went wrong.
};

Result<io::ListenOptions> listener_at(const osi::PresentationAddress& at) {
  const auto host = io::IpAddress::parse(at.host);
  if (!host) return fail(ErrorCode::BadInput, "needs an address of this machine: 127.0.0.1:10102", "--listen");
  io::ListenOptions out;
  out.name = "x400 receive";
  out.address = {*host, at.port, {}};
  out.max_connections = 64;
  out.max_per_peer = 4;  // an MTA needs one; a stranger must not have them all
  return out;
}

}  // namespace

void add_listen_options(CLI::App& verb, ListenOptions& options) {
  CLI::Option* listen =
      verb.add_option("--listen", options.address, "Instead of --peer: lets the MTA bind (forced access), [tsel/ssel/psel@]address:port");
  for (const char* other : {"--peer", "--reliable", "--ca"}) listen->excludes(other);
  listen->excludes("--certificate");  // of strong credentials, which forced access does not know here
  verb.get_option("--peer")->required(false);
  verb.add_option("--mta", options.mta, "With --listen: the name of the MTA that may bind")->needs(listen);
  verb.add_option("--mta-password-ref", options.mta_password_ref, "With --listen: where the password is that it must show")->needs(listen);
  verb.add_option("--tls-certificate", options.tls_certificate, "With --listen: PEM chain that is shown in TLS")->needs(listen);
  verb.add_option("--tls-key", options.tls_key, "With --listen: its private key")->needs(listen);
}

Status listen_for_mts(const ListenOptions& listen, const PeerOptions& who, Context& context, Taker& taker, std::chrono::seconds time) {
  auto at = osi::parse_presentation_address(listen.address);
  if (!at) return fail(ErrorCode::BadInput, at.error().text(), "--listen");
  POSTERN_TRY(mhs::MtsDoor door, door_of(listen, *at, who, context.in));
  POSTERN_TRY(io::SslContext tls, tls_of(listen, door));
  POSTERN_TRY(io::ListenOptions where, listener_at(*at));
  UserLoop loop;
  const auto listening =
      std::make_shared<Listening>(std::move(door), std::move(tls), taker, std::chrono::seconds(who.timeout), io::deadline_in(time));
  POSTERN_TRY(const auto listener, io::Listener::open(loop.loops(), std::move(where), [listening](io::Stream stream) {
                return Listening::serve(listening, std::move(stream));
              }));
  POSTERN_CHECK(loop.open());
  if (!context.json) context.out << "listening on " << listener->local().text() << std::endl;
  return loop.run(Listening::wait(listening, *listener));
}

}  // namespace postern::cli
