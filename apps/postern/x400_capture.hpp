// A capture file as postern x400 decode shows it: each connection, each TPDU or TSDU with every layer in it.
#pragma once

#include <boost/json/value.hpp>
#include <iosfwd>

#include "base/bytes.hpp"

namespace postern::cli {

struct Context;

/// Value notation for people: indented by two for each level, from `depth` on.
void show_json(std::ostream& out, const boost::json::value& value, std::size_t depth = 0);

/// Status 1 where something in it could not be read; it is said at its place.
void show_capture(Context& context, ByteView file);

}  // namespace postern::cli
