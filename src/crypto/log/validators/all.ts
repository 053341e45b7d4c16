/**
 * Every rule that an entry has to keep, by name, in the order in which they are asked. Each refuses something that all the
 * others let through; the tests hold one such entry for each.
 */
import * as addDevice from "./add-device.ts";
import * as author from "./author.ts";
import type { Validator } from "./case.ts";
import * as epoch from "./epoch.ts";
import * as invite from "./invite.ts";
import * as members from "./members.ts";
import * as place from "./place.ts";
import * as retire from "./retire.ts";

export const VALIDATORS = {
  ofThisTeam: place.ofThisTeam,
  hasNextNumber: place.hasNextNumber,
  continuesHead: place.continuesHead,
  authorIsKnown: author.authorIsKnown,
  authorSigned: author.authorSigned,
  authorIsNotRemoved: author.authorIsNotRemoved,
  authorIsNotOver: author.authorIsNotOver,
  inviterMayStillInvite: author.inviterMayStillInvite,
  deviceMayWriteThis: author.deviceMayWriteThis,
  inviterMayInvite: invite.inviterMayInvite,
  inviteEnds: invite.inviteEnds,
  inviteIsNew: invite.inviteIsNew,
  revokesOpenInvite: invite.revokesOpenInvite,
  mayRevoke: invite.mayRevoke,
  deviceIsNew: addDevice.deviceIsNew,
  deviceCanReceive: addDevice.deviceCanReceive,
  deviceConsents: addDevice.deviceConsents,
  deviceIsOfRightMember: addDevice.deviceIsOfRightMember,
  deviceIsOfRightKind: addDevice.deviceIsOfRightKind,
  deviceEndsLater: addDevice.deviceEndsLater,
  thereIsRoom: addDevice.thereIsRoom,
  ownerGivesRoles: members.ownerGivesRoles,
  roleIsNew: members.roleIsNew,
  leadGivesAccess: members.leadGivesAccess,
  accessIsForMembers: members.accessIsForMembers,
  renamesOwnDevice: members.renamesOwnDevice,
  removesWhoIsThere: members.removesWhoIsThere,
  mayRemove: members.mayRemove,
  ownerRemains: members.ownerRemains,
  epochIsNext: epoch.epochIsNext,
  maySkipEpochs: epoch.maySkipEpochs,
  mayMakeEpoch: epoch.mayMakeEpoch,
  epochReachesExactlyAll: epoch.epochReachesExactlyAll,
  mayRetire: retire.mayRetire,
} as const satisfies Readonly<Record<string, Validator>>;
