// The process that holds a vendor's library. It has nothing but its channel, and ends with it.
//
// Started by running a program of ours again (launch.hpp) that calls run_child() before anything else: no thread, no configuration, no key.
#pragma once

namespace postern::sdk {

/// The first word behind the program's name by which such a program knows that it is to be the child.
inline constexpr const char* kChildVerb = "x400-sdk-child";
/// Where the child finds its end of the socket pair. Standard input is /dev/null, standard output and error are pipes to the parent.
inline constexpr int kChildDescriptor = 3;

/// How the child ends of itself; the parent puts these into words (launch.hpp).
enum ChildStatus : int { kChildDone = 0, kBadFrames = 70, kLeaked = 71, kDistrusted = 72, kCannotConfine = 73 };

/// Gives up what can be given up (inherited descriptors, core files, new privileges, being read by others; it dies with its parent), loads
/// the library that the parent names and does what it is asked until the channel ends. Ends the process; does not run destructors of what
/// the library made.
[[noreturn]] void run_child(int channel = kChildDescriptor);

}  // namespace postern::sdk
