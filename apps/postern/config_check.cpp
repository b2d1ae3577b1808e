#include "config_check.hpp"

#include "api/mta_hook.hpp"
#include "api/operators.hpp"
#include "base/clock.hpp"
#include "config/files.hpp"
#include "confine/confinement.hpp"
#include "gateway/setting_files.hpp"
#include "gateway/settings_check.hpp"
#include "mhs/list_settings.hpp"
#include "mhs/settings.hpp"
#include "transport/credentials.hpp"

namespace postern::cli {
namespace {

template <class T>
void judge(config::Loaded& loaded, const Result<T>& judged) {
  if (!judged) loaded.faults.push_back({judged.error().code, judged.error().text(), judged.error().field});
}

/// What the processes may reach, as the warden looks at it before it starts them.
void check_confinement(config::Loaded& loaded) {
  judge(loaded, confine::gate_rules(loaded.config));
  judge(loaded, confine::keeper_rules(loaded.config));
  if (loaded.config.transport.mode == "sdk") judge(loaded, confine::library_rules(loaded.config));
}

/// With a certificate of the listeners that is none yet: the daemon makes or reads it.
Result<mhs::Mta> mta_of(const config::Config& config) {
  static const SystemClock clock;
  mhs::OwnTls own;
  own.context = [](TlsVersion) { return Result<std::function<io::SslContext()>>([] { return io::SslContext(); }); };
  return mhs::mta_of(config, std::move(own), clock);
}

/// Whoever asks may see less than the daemon: what he does not find is said once, by config::check_files().
template <class T>
void judge_found(config::Loaded& loaded, const Result<T>& judged, bool all_there) {
  if (all_there || judged || judged.error().code != ErrorCode::NotFound) judge(loaded, judged);
}

void check_x400(config::Loaded& loaded, bool all_there) {
  const std::size_t before = loaded.faults.size();
  judge(loaded, mhs::lists_of(loaded.config));
  judge(loaded, mhs::check_users(loaded.config));
  if (loaded.faults.size() == before) judge_found(loaded, mta_of(loaded.config), all_there);
}

}  // namespace

void check_above(config::Loaded& loaded, const config::Environment& environment) {
  gateway::check_settings(loaded);
  judge(loaded, transport::check_pinset(loaded.config));
  check_confinement(loaded);
  const std::size_t before = loaded.faults.size() + loaded.warnings.size();
  config::check_files(loaded, environment);
  const bool all_there = loaded.faults.size() + loaded.warnings.size() == before;
  gateway::check_file_contents(loaded);
  judge_found(loaded, api::Operators::make(loaded.config, {}), all_there);
  if (loaded.config.mta_hook.enabled) judge_found(loaded, api::MtaHookFace::read_token(loaded.config), all_there);
  if (loaded.config.x400.enabled()) check_x400(loaded, all_there);
}

}  // namespace postern::cli
