#include "x400_capture.hpp"

#include <boost/json.hpp>
#include <ostream>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "capture/tcp_connections.hpp"
#include "file_input.hpp"
#include "mhs/dissection.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using capture::TcpConnection;

/// Values up to so many characters stand on the line of their layer.
constexpr std::size_t kShort = 100;
/// TLS record types of a handshake's beginning (RFC 8446 5.1): RFC 1006 inside TLS is octets to a capture.
constexpr Byte kHandshake = 22;

std::string clock_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "-";
  const WallTime time{std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds))};
  const std::string micro = std::to_string(1'000'000 + nanoseconds / 1000 % 1'000'000).substr(1);
  const std::string text = rfc3339(time);
  return text.substr(0, text.find_first_of(".Z")) + "." + micro + "Z";
}

bool is_tls(const TcpConnection& connection) {
  return !connection.pieces.empty() && connection.pieces.front().octets.front() == kHandshake;
}

/// What is shown of one connection, and whether all of it could be read.
struct Shown {
  json::array units;
  std::vector<std::string> notes;
  bool whole = true;
};

json::object json_of(mhs::DissectedUnit&& unit, std::int64_t time) {
  json::object out{{"time", clock_text(time)}, {"from", unit.from_initiator ? "initiator" : "responder"}, {"tpdus", unit.tpdus}};
  json::array layers;
  for (mhs::DissectedLayer& each : unit.layers) layers.push_back({{"layer", each.name}, {"value", std::move(each.value)}});
  out["layers"] = std::move(layers);
  if (!unit.trouble.empty()) out["trouble"] = printable(unit.trouble, 1000);
  return out;
}

Shown dissected(const TcpConnection& connection) {
  Shown out;
  if (is_tls(connection)) {
    out.notes.emplace_back("TLS: what is inside cannot be seen here; capture where it is in clear, or use bind-test --octets");
    return out;
  }
  mhs::Dissection dissection;
  for (const TcpConnection::Piece& piece : connection.pieces)
    for (mhs::DissectedUnit& unit : dissection.feed(piece.from_client, piece.octets)) {
      out.whole = out.whole && unit.trouble.empty();
      out.units.push_back(json_of(std::move(unit), piece.time));
    }
  for (const bool initiator : {true, false}) {
    const std::string who = initiator ? "the initiator" : "the responder";
    if (const std::size_t left = dissection.pending(initiator); left > 0)
      out.notes.push_back(std::to_string(left) + " octets of " + who + " wait for the rest of their TPDU");
    if (initiator ? connection.gap_from_client : connection.gap_from_server)
      out.notes.push_back("octets of " + who + " are missing, and what followed them is left out");
  }
  out.whole = out.whole && out.notes.empty();
  return out;
}

void show_text(std::ostream& out, const json::object& unit) {
  std::string before = std::string(unit.at("time").as_string()) + (unit.at("from").as_string() == "initiator" ? "  ->  " : "  <-  ");
  for (const json::value& each : unit.at("layers").as_array()) {
    const json::value& value = each.at("value");
    out << before << std::string_view(each.at("layer").as_string()) << "  ";
    show_json(out, value, json::serialize(value).size() <= kShort ? SIZE_MAX : 2);
    out << '\n';
    before.assign(before.size(), ' ');
  }
  if (const json::value* trouble = unit.if_contains("trouble")) out << before << "! " << std::string_view(trouble->as_string()) << '\n';
}

/// A connection that was set up, and nothing was sent on it.
bool is_silent(const TcpConnection& connection) {
  return connection.pieces.empty() && !connection.gap_from_client && !connection.gap_from_server;
}

/// What a file has beside its connections, for people.
std::vector<std::string> notes_of(const capture::PassedOver& passed, bool is_empty) {
  std::vector<std::string> out;
  if (passed.frames > 0)
    out.push_back("passed over: frames without a TCP segment (another protocol or link type, a fragment, cut off): " +
                  std::to_string(passed.frames));
  if (passed.segments > 0) out.push_back("left out: segments of further connections: " + std::to_string(passed.segments));
  if (is_empty)
    out.emplace_back("no octets of a TCP connection are in this capture: capture with `tcp port 102`, or the port of your peer");
  return out;
}

void show_text(std::ostream& out, std::size_t number, const TcpConnection& connection, const Shown& shown) {
  out << (number == 1 ? "" : "\n") << "connection " << number << ": " << connection.client.text() << " to " << connection.server.text()
      << '\n';
  for (const json::value& each : shown.units) show_text(out, each.as_object());
  for (const std::string& each : shown.notes) out << "! " << each << '\n';
}

json::object json_of(const TcpConnection& connection, Shown&& shown) {
  json::object out{{"initiator", connection.client.text()}, {"responder", connection.server.text()}, {"units", std::move(shown.units)}};
  if (!shown.notes.empty()) out["notes"] = json::array(shown.notes.begin(), shown.notes.end());
  return out;
}

}  // namespace

void show_json(std::ostream& out, const json::value& value, std::size_t depth) {
  const bool is_object = value.is_object();
  const std::size_t size = is_object ? value.get_object().size() : value.is_array() ? value.get_array().size() : 0;
  if (size == 0 || depth == SIZE_MAX) {
    out << value;
    return;
  }
  const auto indent = [&out](std::size_t levels) { out << '\n' << std::string(2 * levels, ' '); };
  out << (is_object ? '{' : '[');
  std::size_t left = size;
  const auto element = [&](const json::value& each, std::string_view name) {
    indent(depth + 1);
    if (is_object) out << json::value(name) << ": ";
    show_json(out, each, depth + 1);
    if (--left != 0) out << ',';
  };
  if (is_object) {
    for (const auto& [name, each] : value.get_object()) element(each, name);
  } else {
    for (const json::value& each : value.get_array()) element(each, {});
  }
  indent(depth);
  out << (is_object ? '}' : ']');
}

void show_capture(Context& context, ByteView file) {
  std::vector<TcpConnection> connections;
  capture::PassedOver passed;
  const Status read = capture::read_connections(file, connections, &passed);
  std::erase_if(connections, is_silent);
  json::array all;
  std::size_t number = 0;
  for (const TcpConnection& each : connections) {
    Shown shown = dissected(each);
    if (!shown.whole) context.exit_status = kNo;
    if (context.json)
      all.push_back(json_of(each, std::move(shown)));
    else
      show_text(context.out, ++number, each, shown);
  }
  const auto notes = notes_of(passed, read && connections.empty());
  if (connections.empty() || passed.segments > 0) context.exit_status = kNo;
  if (context.json)
    context.out << json::object{{"connections", std::move(all)}, {"notes", json::array(notes.begin(), notes.end())}} << '\n';
  else
    for (const std::string& each : notes) context.out << "! " << each << '\n';
  if (!read) report_error(context, "x400 decode", read.error());
}

}  // namespace postern::cli
