{{- define "landbridge.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels of one component's objects: (dict "root" $ "component" "gateway") */}}
{{- define "landbridge.labels" -}}
{{ include "landbridge.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of its pods: without versions, so that a new chart alone restarts nothing. */}}
{{- define "landbridge.podLabels" -}}
{{ include "landbridge.selector" . }}
app.kubernetes.io/part-of: landbridge
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "landbridge.selector" -}}
app.kubernetes.io/name: landbridge
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "landbridge.image" -}}
{{- $repository := include "landbridge.repository" .Values.image -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" $repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository (include "landbridge.tag" (list "image.tag" (.Values.image.tag | default .Chart.AppVersion))) }}
{{- end -}}
{{- end -}}

{{- define "landbridge.natsImage" -}}
{{ printf "%s:%s" (include "landbridge.repository" .Values.nats.image) (include "landbridge.tag" (list "nats.image.tag" .Values.nats.image.tag)) }}
{{- end -}}

{{- define "landbridge.repository" -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}
{{- end -}}

{{/* (list name-of-the-value tag) */}}
{{- define "landbridge.tag" -}}
{{- if eq (last .) "latest" }}{{ fail (printf "%s: is latest, wanted a version: latest is another one at each start" (first .)) }}{{ end -}}
{{- last . -}}
{{- end -}}

{{/* Secret with tls.crt, tls.key and ca.crt of the gateways. */}}
{{- define "landbridge.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing" -}}
{{ required "certificates.existingSecret: is empty, wanted the name of a Secret with tls.crt, tls.key and ca.crt" .Values.certificates.existingSecret }}
{{- else -}}
{{ include "landbridge.name" . }}-gateway-tls
{{- end -}}
{{- end -}}

{{/* DNS names of the gateways' certificate, one a line. */}}
{{- define "landbridge.dnsNames" -}}
{{- $name := printf "%s-gateway" (include "landbridge.name" .) -}}
{{- range $service := list $name (printf "%s-headless" $name) }}
{{ $service }}
{{ $service }}.{{ $.Release.Namespace }}
{{ $service }}.{{ $.Release.Namespace }}.svc
{{ $service }}.{{ $.Release.Namespace }}.svc.{{ $.Values.clusterDomain }}
{{- end }}
localhost
{{- range .Values.certificates.dnsNames }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "landbridge.region" -}}
{{ required "region: is empty, wanted the name of this region, such as us-east" .Values.region }}
{{- end -}}

{{- define "landbridge.natsUrls" -}}
{{- if eq .Values.nats.mode "external" -}}
{{- if not .Values.nats.external.urls }}{{ fail "nats.external.urls: is empty, wanted the URLs of your NATS servers" }}{{ end -}}
{{ join "," .Values.nats.external.urls }}
{{- else -}}
{{- $name := include "landbridge.name" . -}}
{{- $urls := list -}}
{{- range $index := until (int .Values.nats.replicas) -}}
{{- $urls = append $urls (printf "nats://%s-nats-%d.%s-nats-headless.%s.svc:4222" $name $index $name $.Release.Namespace) -}}
{{- end -}}
{{ join "," $urls }}
{{- end -}}
{{- end -}}

{{/* What gateway and operator need to reach NATS. */}}
{{- define "landbridge.natsEnv" -}}
- name: LANDBRIDGE_REGION
  value: {{ include "landbridge.region" . | quote }}
- name: LANDBRIDGE_NATS_SERVERS
  value: {{ include "landbridge.natsUrls" . | quote }}
- name: LANDBRIDGE_REPLICAS
  value: {{ .Values.nats.replicas | quote }}
{{- if eq .Values.nats.mode "external" }}
{{- with .Values.nats.external.domain }}
- name: LANDBRIDGE_NATS_DOMAIN
  value: {{ . | quote }}
{{- end }}
{{- if .Values.nats.external.credentialsSecret }}
- name: LANDBRIDGE_NATS_CREDENTIALS
  value: /etc/landbridge/nats-credentials/nats.creds
{{- end }}
{{- if .Values.nats.external.caSecret }}
- name: LANDBRIDGE_NATS_CA
  value: /etc/landbridge/nats-ca/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "landbridge.natsMounts" -}}
{{- if eq .Values.nats.mode "external" }}
{{- if .Values.nats.external.credentialsSecret }}
- name: nats-credentials
  mountPath: /etc/landbridge/nats-credentials
  readOnly: true
{{- end }}
{{- if .Values.nats.external.caSecret }}
- name: nats-ca
  mountPath: /etc/landbridge/nats-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}

{{- define "landbridge.natsVolumes" -}}
{{- if eq .Values.nats.mode "external" }}
{{- with .Values.nats.external.credentialsSecret }}
- name: nats-credentials
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .Values.nats.external.caSecret }}
- name: nats-ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The restricted profile of the pod security standards. */}}
{{- define "landbridge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
# Large volumes are not walked through at every start.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "landbridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "landbridge.downward" -}}
- name: {{ . }}
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{/* Where pods run, and what pulls their images: (dict "root" $ "of" .Values.gateway "component" "gateway") */}}
{{- define "landbridge.placement" -}}
# Names of Services become variables otherwise, beside those that the programs read.
enableServiceLinks: false
securityContext: {{- include "landbridge.podSecurity" .root | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml . | nindent 4 }}
    labelSelector:
      matchLabels: {{- include "landbridge.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* metadata of a pod template; `annotations` are the chart's own: as "landbridge.placement" */}}
{{- define "landbridge.podMetadata" -}}
labels: {{- include "landbridge.podLabels" . | nindent 2 }}
  {{- with .of.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with mergeOverwrite (dict) (.annotations | default dict) .of.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An object or a pod template with a user's merge over it: (dict "template" yaml "merge" map) */}}
{{- define "landbridge.merged" -}}
{{- $template := fromYaml .template -}}
{{- with $template.Error }}{{ fail (printf "a template of the chart is no YAML: %s\n%s" . $.template) }}{{ end -}}
{{- toYaml (mustMergeOverwrite $template (deepCopy .merge)) -}}
{{- end -}}

{{/* A list as YAML that must not be empty, which `required` lets pass: (list value message) */}}
{{- define "landbridge.given" -}}
{{- if not (first .) }}{{ fail (last .) }}{{ end -}}
{{- toYaml (first .) -}}
{{- end -}}

{{/* Seconds that a gateway goes on before it drains. */}}
{{- define "landbridge.preStopSeconds" -}}
{{- $given := .Values.gateway.preStopSeconds -}}
{{- if kindIs "invalid" $given -}}
{{ eq .Values.gateway.service.type "LoadBalancer" | ternary 35 5 }}
{{- else -}}
{{ int $given }}
{{- end -}}
{{- end -}}
